"""Two stacks, one scenario, every difference: align, diff and report are pure, lab/ reaches the kernel."""
