"""The learned one-step model of chess and the policy it improves."""
