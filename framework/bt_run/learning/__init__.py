"""What a component that learns is promised: rehearsal of the stages before it, cutoffs, fits."""
