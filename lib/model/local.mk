# Sources of lib/model.
