/* The role `once`: carries out one plan in the user namespace that it is started in, and stays as monitor. */
#ifndef TERRARIUM_ONCE_H
#define TERRARIUM_ONCE_H

/* once --connect PATH [--daemonize]: see docs/stage.md. */
int once_main(int argc, char **argv);

#endif
