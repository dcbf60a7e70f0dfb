"""What learners share: labels, purged folds, features, classifiers as text, calibration."""
