"""Many runs on bars loaded once, and what can be said of the best of them."""
