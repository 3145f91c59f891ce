"""The passport in words: for its pages, and as a paper."""
