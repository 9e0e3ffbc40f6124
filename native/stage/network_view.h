/* What a network namespace holds, read in it and written to standard output: the role `network`, see docs/stage.md. */
#ifndef TERRARIUM_NETWORK_VIEW_H
#define TERRARIUM_NETWORK_VIEW_H

int network_view_main(int argc, char **argv);

#endif
