"""Telematics: the samples of OBD dongles, stored in packed batches, read back as samples and summarized."""
