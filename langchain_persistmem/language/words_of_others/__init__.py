"""What of a message is not its sender's own: quoted, pasted, supposed, played, or said by somebody else; pure."""
