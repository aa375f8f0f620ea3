"""What the toy model was taught: conversations, the tools in them, and their chat template."""
