"""Names of functions that may let a decision know what is later."""

__all__ = [
    "BACKWARD",
    "BOTH_WAYS",
    "FITS",
    "FROM_END",
    "JOINS",
    "KNOWN_BEFORE",
    "MEMORY",
    "RANKS",
    "READERS",
    "REDUCE",
    "WINDOWS",
]

REDUCE = frozenset(
    {
        *(
            "mean",
            "std",
            "var",
            "max",
            "min",
            "median",
            "quantile",
            "percentile",
            "average",
        ),
        *(
            "nanmean",
            "nanstd",
            "nanvar",
            "nanmax",
            "nanmin",
            "nanmedian",
            "nanquantile",
        ),
        *(
            "nanpercentile",
            "ptp",
            "argmax",
            "argmin",
            "idxmax",
            "idxmin",
            "amax",
            "amin",
        ),
        *(
            "zscore",
            "skew",
            "kurt",
            "sem",
            "mode",
            "describe",
            "nunique",
            "sum",
            "nansum",
        ),
    }
)
RANKS = frozenset({"rank", "rankdata", "argsort", "qcut", "cut"})
FITS = frozenset(
    {
        *(
            "fit",
            "fit_transform",
            "fit_predict",
            "polyfit",
            "lstsq",
            "svd",
            "eig",
            "eigh",
        ),
        *(
            "corrcoef",
            "cov",
            "corr",
            "linregress",
            "inv",
            "pinv",
            "qr",
            "OLS",
            "fft",
            "rfft",
        ),
        *(
            "scale",
            "minmax_scale",
            "robust_scale",
            "normalize",
            "train_test_split",
            "kmeans",
        ),
    }
)
BOTH_WAYS = frozenset(
    {
        *(
            "filtfilt",
            "sosfiltfilt",
            "savgol_filter",
            "detrend",
            "hilbert",
            "find_peaks",
        ),
        *(
            "argrelextrema",
            "argrelmin",
            "argrelmax",
            "gaussian_filter1d",
            "gaussian_filter",
        ),
        *(
            "uniform_filter1d",
            "medfilt",
            "smooth",
            "lowess",
            "seasonal_decompose",
            "wiener",
        ),
        *(
            "median_filter",
            "UnivariateSpline",
            "CubicSpline",
            "interp1d",
            "interp",
            "hpfilter",
        ),
        *(
            "maximum_filter1d",
            "minimum_filter1d",
            "decompose",
            "STL",
            "spline",
            "gradient",
        ),
    }
)
BACKWARD = frozenset({"bfill", "backfill", "interpolate"})
WINDOWS = frozenset(
    {"rolling", "expanding", "ewm", "groupby", "resample", "sliding_window_view"}
)
JOINS = frozenset(
    {"concatenate", "vstack", "hstack", "append", "r_", "concat", "row_stack"}
)
FROM_END = frozenset({"tail", "last_valid_index"})
# of the modules that know all objects and frames of a process
MEMORY = frozenset(
    {
        *("get_objects", "get_referrers", "get_referents", "stack", "currentframe"),
        *("_getframe", "getouterframes", "trace", "from_address"),
    }
)
# files read without Python's own open, which nothing else sees
READERS = frozenset(
    {
        *("read_parquet", "read_feather", "read_orc", "ParquetFile", "ParquetDataset"),
        *("scan_parquet", "scan_csv", "scan_ipc", "read_deltalake"),
    }
)
# what of the bars is known before they are: their names and the exchange's calendar
KNOWN_BEFORE = frozenset(
    {"assets", "calendar", "sessions", "times", "index", "columns", "shape"}
)
