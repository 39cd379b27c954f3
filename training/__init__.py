"""How the player is trained: labels, batches, losses and loops; engine never imports it."""
