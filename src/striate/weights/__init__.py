"""Weights in files: safetensors and JSON, checked by SHA-256, never pickle."""
