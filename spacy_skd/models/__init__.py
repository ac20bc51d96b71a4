"""thinc models with hand-written backprop: vectors of tokens to scores, and the context encoder."""
