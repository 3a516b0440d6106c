"""The main job before the reader's eyes."""
