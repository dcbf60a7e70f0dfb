"""The sizer `qp_tracker`: follows the benchmark under caps and costs."""
