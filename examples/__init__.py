"""The examples of bt-run; ``bt-run init FOLDER`` copies them."""
