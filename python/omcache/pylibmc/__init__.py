"""What omcache_pylibmc is made of."""
