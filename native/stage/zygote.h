/* The role `zygote`: sits in a mapped user namespace and forks a monitor for each plan. */
#ifndef TERRARIUM_ZYGOTE_H
#define TERRARIUM_ZYGOTE_H

/* zygote --socket PATH --ready PATH [--uid-map MAP --gid-map MAP | --entered] [--daemonize]: see docs/stage.md. */
int zygote_main(int argc, char **argv);

#endif
