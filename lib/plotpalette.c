#include <config.h>

#include "plotpalette.h"

const char *
plotpalette_version(void)
{
	return PACKAGE_VERSION;
}
