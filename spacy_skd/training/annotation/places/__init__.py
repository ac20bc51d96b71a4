"""Where an annotated folder is: on a disk, or in an object store."""
