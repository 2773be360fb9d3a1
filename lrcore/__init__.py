"""Ten one-vs-all logistic regressions that read handwritten digits, in numpy."""
