/*
 * Finding where a server can be reached: its name is looked up where what is known is not fresh.
 */
#ifndef OMC_LINK_FINDING_H
#define OMC_LINK_FINDING_H

#include <stdint.h>

#include "link/endpoint.h"
#include "link/names.h"

enum omc_finding_result {
    OMC_FINDING_FOUND,
    OMC_FINDING_WAIT,    /* for the resolver */
    OMC_FINDING_FAILED,  /* *problem says why, as a static string */
    OMC_FINDING_STARVED, /* we could not look, and nothing is known: `shortage` says why */
};

/* Finds the addresses, looking up the name if what is known is not fresh.  After a
 * WAIT, omc_names_take_found gives the server when there is more to know, and this is to
 * be called again. */
enum omc_finding_result omc_finding_of(struct omc_names *names, struct omc_endpoint *endpoint,
                                       int64_t now, const char **problem);

#endif
