"""`PersistMem`, the object that an application holds, and its background worker."""
