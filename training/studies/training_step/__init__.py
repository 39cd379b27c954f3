"""Times the training step beside a plain one."""
