# Files of cmd/.
