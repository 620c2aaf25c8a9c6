/* Placeholder until the public face is settled. */
#ifndef PLOTPALETTE_H
#define PLOTPALETTE_H
const char *plotpalette_version(void);
#endif
