/*
 * Operations, from being accepted to being told of; see operation.h.
 */
#include "core/operation.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/duty.h"
#include "core/handle.h"
#include "core/recovery.h"
#include "core/server.h"
#include "proto/opcode.h"

enum {
    SPARE_MAX = 512, /* operations are kept for later ones */
};

void omc_operation_init(struct omc_operations *operations)
{
    *operations = (struct omc_operations){.first = NULL};
    omc_deadlines_init(&operations->deadlines);
}

void omc_operation_fini(struct omc_operations *operations)
{
    for (size_t i = 0; i < OMC_OPERATION_KEY_STEPS; i++) {
        while (operations->spare[i] != NULL) {
            struct omc_operation *next = operations->spare[i]->next;

            omc_memory_free(operations->spare[i]);
            operations->spare[i] = next;
        }
    }
    omc_deadlines_fini(&operations->deadlines);
}

static size_t key_steps(size_t key_len)
{
    return (key_len + OMC_OPERATION_KEY_STEP - 1) / OMC_OPERATION_KEY_STEP;
}

/* Memory for one, with nothing in it yet; NULL without any. */
static struct omc_operation *allocate(struct omc_operations *operations, size_t key_len)
{
    size_t steps = key_steps(key_len);
    struct omc_operation *operation = operations->spare[steps];

    if (operation == NULL)
        return omc_memory_resize(NULL, sizeof(*operation) + steps * OMC_OPERATION_KEY_STEP, 1);
    operations->spare[steps] = operation->next;
    operations->spare_count--;
    return operation;
}

static void release(struct omc_operations *operations, struct omc_operation *operation)
{
    size_t steps = key_steps(operation->key_len);

    if (operations->spare_count == SPARE_MAX) {
        omc_memory_free(operation);
        return;
    }
    operation->next = operations->spare[steps];
    operations->spare[steps] = operation;
    operations->spare_count++;
}

struct omc_operation *omc_operation_new(omcache_t *mc, const void *key, size_t key_len,
                                        int64_t deadline, omcache_reply_callback_func *func,
                                        void *context)
{
    struct omc_deadlines *deadlines = &mc->operations.deadlines;
    struct omc_operation *operation = allocate(&mc->operations, key_len);

    if (operation == NULL)
        return NULL;
    *operation = (struct omc_operation){
        .func = func,
        .context = context,
        .server_index = -1,
        .key_len = (uint8_t)key_len,
    };
    if (key_len > 0)
        memcpy(operation->key, key, key_len);
    if (deadline == OMC_CLOCK_NEVER)
        return operation;
    if (!omc_deadlines_reserve(deadlines, deadlines->count + 1)) {
        release(&mc->operations, operation);
        return NULL;
    }
    omc_deadlines_set(deadlines, &operation->deadline, deadline);
    return operation;
}

static void stop_deadline(omcache_t *mc, struct omc_operation *operation)
{
    omc_deadlines_remove(&mc->operations.deadlines, &operation->deadline);
    omc_deadlines_trim(&mc->operations.deadlines);
}

void omc_operation_free(omcache_t *mc, struct omc_operation *operation)
{
    stop_deadline(mc, operation);
    release(&mc->operations, operation);
}

void omc_operation_queued(struct omc_operation *operation, struct omc_server *server,
                          uint32_t number)
{
    operation->server = server;
    operation->number = number;
}

bool omc_operation_fits(const struct omc_operation *operation, const struct omc_reply *reply)
{
    const omcache_value_t *value = &reply->value;

    return value->key_len == 0 || !omc_opcode_is_get(reply->opcode) ||
           (value->key_len == operation->key_len &&
            memcmp(value->key, operation->key, value->key_len) == 0);
}

/* One that is not in the list any more has none. */
static int index_of(const struct omc_server *server)
{
    return server->dropped ? -1 : (int)server->index;
}

/* Its key is the one that was asked for, whether or not the server repeats it. */
static omcache_reply_t describe(const struct omc_operation *operation, int status)
{
    return (omcache_reply_t){
        .status = status,
        .server_index = operation->server_index,
        .key = operation->key_len == 0 ? NULL : operation->key,
        .key_len = operation->key_len,
    };
}

static void call(omcache_t *mc, const struct omc_operation *operation, struct omc_server *server,
                 const omcache_reply_t *reply)
{
    struct omc_server *outer = mc->telling;

    mc->telling = server;
    operation->func(mc, reply, operation->context);
    mc->telling = outer;
    omc_duty_unpin(mc, omc_duty_level_of_callback(mc->depth));
}

/* Counts an operation that has ended in its group, which may end with it. */
static void leave_group(omcache_t *mc, struct omc_operation *group, int status)
{
    if (group == NULL)
        return;
    if (group->status == OMCACHE_OK && status != OMCACHE_NOT_FOUND)
        group->status = status;
    if (--group->parts == 0)
        omc_operation_end(mc, group, group->status);
}

/* What of an answer the operation asked for. */
static void take_answer(omcache_reply_t *told, const struct omc_reply *reply)
{
    const omcache_value_t *value = &reply->value;
    bool has_value = omc_opcode_is_get(reply->opcode) || reply->opcode == OMC_OP_VERSION;

    if (reply->opcode == OMC_OP_STAT) {
        told->key = value->key_len == 0 ? NULL : value->key;
        told->key_len = value->key_len;
        has_value = value->key_len > 0;
    }
    if (value->status == OMCACHE_FAIL || (value->status == OMCACHE_OK && has_value)) {
        told->value = value->data;
        told->value_len = value->data_len;
    }
    if (value->status != OMCACHE_OK)
        return;
    told->flags = value->flags;
    told->cas = value->cas;
    told->number = value->delta_value;
    if (omc_opcode_is_meta(reply->opcode))
        told->details = reply->details;
}

void omc_operation_reply(omcache_t *mc, struct omc_operation *operation, struct omc_server *server,
                         const struct omc_reply *reply)
{
    omcache_reply_t told;

    operation->server_index = index_of(server);
    told = describe(operation, reply->value.status);
    take_answer(&told, reply);
    if (!reply->last) {
        call(mc, operation, server, &told);
        return;
    }
    stop_deadline(mc, operation);
    leave_group(mc, operation->group, told.status);
    call(mc, operation, server, &told);
    release(&mc->operations, operation);
}

void omc_operation_end(omcache_t *mc, struct omc_operation *operation, int status)
{
    struct omc_operations *operations = &mc->operations;

    stop_deadline(mc, operation);
    if (operation->server != NULL)
        operation->server_index = index_of(operation->server);
    operation->server = NULL;
    operation->status = status;
    operation->next = NULL;
    if (operations->first == NULL)
        operations->first = operation;
    else
        operations->last->next = operation;
    operations->last = operation;
    operations->ended++;
}

void omc_operation_tell(omcache_t *mc)
{
    struct omc_operations *operations = &mc->operations;

    /* What a callback adds is for the next time; and it may tell of some itself. */
    for (size_t left = operations->ended; left > 0 && operations->first != NULL; left--) {
        struct omc_operation *operation = operations->first;
        omcache_reply_t told = describe(operation, operation->status);

        operations->first = operation->next;
        operations->ended--;
        leave_group(mc, operation->group, operation->status);
        call(mc, operation, NULL, &told);
        release(operations, operation);
    }
}

/* The request stays where it is: its answer may be on the way. */
static void abandon(struct omc_operation *operation)
{
    struct omc_server *server = operation->server;
    struct omc_pending *pending =
        server == NULL ? NULL : omc_queue_find(&server->conn.queue, operation->number);

    if (pending == NULL)
        return;
    pending->operation = NULL;
    pending->owner = OMC_OWNER_GONE;
    server->counters.timeouts++;
}

void omc_operation_expire(omcache_t *mc, int64_t now)
{
    struct omc_deadline *first;

    while ((first = omc_deadlines_first(&mc->operations.deadlines)) != NULL && first->when <= now) {
        struct omc_operation *operation = (struct omc_operation *)first;
        struct omc_server *server = operation->server;

        abandon(operation);
        omc_operation_end(mc, operation, OMCACHE_TIMEOUT);
        if (server != NULL)
            omc_recovery_doubt(mc, server, now);
    }
}

int64_t omc_operation_deadline(const struct omc_operations *operations)
{
    const struct omc_deadline *first = omc_deadlines_first(&operations->deadlines);

    if (operations->first != NULL)
        return 0;
    return first == NULL ? OMC_CLOCK_NEVER : first->when;
}
