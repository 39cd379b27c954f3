"""Other ways to play games for learning, which ours is measured against; nothing that learns or plays needs them."""
