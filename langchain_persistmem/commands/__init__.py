"""Commands that a user gives in a conversation: 'remember that ...', 'forget about ...'."""
