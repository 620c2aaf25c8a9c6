# Files of share/.
