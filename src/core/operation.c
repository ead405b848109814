/*
 * Operations, from being accepted to being told of; see operation.h.
 */
#include "core/operation.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/handle.h"
#include "core/pins.h"
#include "core/server.h"
#include "proto/opcode.h"

enum {
    SPARE_MAX = 512, /* operations are kept for later ones */
};

void omc_operation_init(struct omc_operations *operations)
{
    *operations = (struct omc_operations){.held = 0};
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
        .serial = mc->operations.next_serial++,
        .key_len = (uint8_t)key_len,
    };
    if (key_len > 0)
        memcpy(operation->key, key, key_len);
    if (deadline == OMC_CLOCK_NEVER)
        return operation;
    if (!omc_deadlines_reserve(deadlines, deadlines->count + mc->operations.unqueued + 1)) {
        release(&mc->operations, operation);
        return NULL;
    }
    operation->deadline.when = deadline;
    operation->unqueued = true;
    mc->operations.unqueued++;
    return operation;
}

static void stop_deadline(omcache_t *mc, struct omc_operation *operation)
{
    mc->operations.unqueued -= operation->unqueued;
    operation->unqueued = false;
    omc_deadlines_remove(&mc->operations.deadlines, &operation->deadline);
    if (mc->operations.unqueued == 0)
        omc_deadlines_trim(&mc->operations.deadlines);
}

void omc_operation_free(omcache_t *mc, struct omc_operation *operation)
{
    stop_deadline(mc, operation);
    release(&mc->operations, operation);
}

/* From now on it may end by itself; callbacks that ran before must not find it. */
void omc_operation_queued(omcache_t *mc, struct omc_operation *operation, struct omc_server *server,
                          uint32_t number)
{
    operation->server = server;
    operation->number = number;
    if (!operation->unqueued)
        return;
    operation->unqueued = false;
    mc->operations.unqueued--;
    omc_deadlines_set(&mc->operations.deadlines, &operation->deadline, operation->deadline.when);
}

bool omc_operation_fits(const struct omc_operation *operation, const struct omc_reply *reply)
{
    const omcache_value_t *value = &reply->value;

    return value->key_len == 0 || !omc_opcode_is_get(reply->opcode) ||
           (value->key_len == operation->key_len &&
            memcmp(value->key, operation->key, value->key_len) == 0);
}

/* Of the server to be named.  One that is not in the list any more has none. */
static int index_of(const struct omc_server *server)
{
    return server == NULL || server->dropped ? -1 : (int)server->index;
}

/* Its key is the one that was asked for, whether or not the server repeats it. */
static omcache_reply_t describe(const struct omc_operation *operation, int status)
{
    return (omcache_reply_t){
        .status = status,
        .server_index = index_of(operation->server),
        .key = operation->key_len == 0 ? NULL : operation->key,
        .key_len = operation->key_len,
    };
}

/* The batch that a call collects is not that of the calls which the callback makes. */
static void call(omcache_t *mc, const struct omc_operation *operation, struct omc_server *server,
                 const omcache_reply_t *reply)
{
    struct omc_server *outer = mc->telling;
    bool collecting = mc->batch.collecting;
    struct omc_batch collected;

    if (collecting)
        omc_batch_push(&mc->batch, &collected);
    mc->telling = server;
    operation->func(mc, reply, operation->context);
    mc->telling = outer;
    if (collecting) {
        omc_batch_deliver_failures(mc);
        omc_batch_pop(&mc->batch, &collected);
    }
    omc_pins_remove(mc, omc_pins_level_of_callback(mc->depth));
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
        has_value = value->key_len > 0 && !reply->last; /* the last one has no key, whatever came */
        told->key = has_value ? value->key : NULL;
        told->key_len = has_value ? value->key_len : 0;
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

static bool is_held(const omcache_t *mc, const struct omc_operation *operation)
{
    return operation->serial - mc->operations.held_from < mc->operations.held;
}

/* An answer with a copy of its bytes. */
struct omc_kept {
    struct omc_kept *next;
    omcache_reply_t reply;
    unsigned char bytes[];
};

/* Copies an answer behind those kept; false without memory.  The key that was asked for is
 * the operation's, and stays. */
static bool copy(struct omc_operation *operation, const omcache_reply_t *told)
{
    size_t key_len = told->key == operation->key ? 0 : told->key_len;
    struct omc_kept *kept = omc_memory_new(1, sizeof(*kept) + key_len + told->value_len);

    if (kept == NULL)
        return false;
    kept->reply = *told;
    if (key_len > 0)
        kept->reply.key = memcpy(kept->bytes, told->key, key_len);
    if (told->value != NULL) {
        memcpy(kept->bytes + key_len, told->value, told->value_len);
        kept->reply.value = kept->bytes + key_len;
    }
    if (operation->kept.first == NULL)
        operation->kept.first = kept;
    else
        operation->kept.last->next = kept;
    operation->kept.last = kept;
    return true;
}

/* Keeps an answer that may not be told yet; the last one ends the operation. */
static void keep(omcache_t *mc, struct omc_operation *operation, const omcache_reply_t *told,
                 bool last)
{
    operation->starved = operation->starved || !copy(operation, told);
    if (!last)
        return;
    operation->answered = !operation->starved;
    omc_operation_end(mc, operation, operation->starved ? OMCACHE_NO_MEMORY : told->status);
}

void omc_operation_reply(omcache_t *mc, struct omc_operation *operation, struct omc_server *server,
                         const struct omc_reply *reply)
{
    omcache_reply_t told = describe(operation, reply->value.status);

    take_answer(&told, reply);
    if (is_held(mc, operation) || operation->kept.first != NULL || operation->starved) {
        keep(mc, operation, &told, reply->last);
        return;
    }
    if (!reply->last) {
        call(mc, operation, server, &told);
        return;
    }
    stop_deadline(mc, operation);
    leave_group(mc, operation->group, told.status);
    call(mc, operation, server, &told);
    release(&mc->operations, operation);
}

/* Moves a list behind another. */
static void append(struct omc_operation_list *to, struct omc_operation_list *from)
{
    if (from->first == NULL)
        return;
    if (to->first == NULL)
        to->first = from->first;
    else
        to->last->next = from->first;
    to->last = from->last;
    to->count += from->count;
    *from = (struct omc_operation_list){.first = NULL};
}

void omc_operation_end(omcache_t *mc, struct omc_operation *operation, int status)
{
    struct omc_operations *operations = &mc->operations;
    struct omc_operation_list one = {operation, operation, 1};

    stop_deadline(mc, operation);
    if (operation->server != NULL && operation->server->dropped)
        operation->server = NULL;
    operation->status = status;
    operation->next = NULL;
    append(is_held(mc, operation) ? &operations->early : &operations->ended, &one);
}

static void forget_dropped(const struct omc_operation_list *list)
{
    for (struct omc_operation *one = list->first; one != NULL; one = one->next) {
        if (one->server != NULL && one->server->dropped)
            one->server = NULL;
    }
}

void omc_operation_forget_dropped(omcache_t *mc)
{
    forget_dropped(&mc->operations.ended);
    forget_dropped(&mc->operations.early);
}

void omc_operation_hold(omcache_t *mc, uint32_t first)
{
    mc->operations.held_from = first;
    mc->operations.held = mc->operations.next_serial - first;
}

void omc_operation_let_go(omcache_t *mc)
{
    mc->operations.held = 0;
    append(&mc->operations.ended, &mc->operations.early);
}

/* Tells of the answers that were kept, and frees them. */
static void tell_kept(omcache_t *mc, struct omc_operation *operation)
{
    struct omc_kept *kept;

    while ((kept = operation->kept.first) != NULL) {
        operation->kept.first = kept->next;
        kept->reply.server_index = index_of(operation->server);
        call(mc, operation, NULL, &kept->reply);
        omc_memory_free(kept);
    }
}

void omc_operation_tell(omcache_t *mc)
{
    struct omc_operations *operations = &mc->operations;

    /* What a callback adds is for the next time; and it may tell of some itself. */
    for (size_t left = operations->ended.count; left > 0 && operations->ended.first; left--) {
        struct omc_operation *operation = operations->ended.first;
        omcache_reply_t told;

        operations->ended.first = operation->next;
        operations->ended.count--;
        leave_group(mc, operation->group, operation->status);
        tell_kept(mc, operation);
        told = describe(operation, operation->status);
        if (!operation->answered)
            call(mc, operation, NULL, &told);
        release(operations, operation);
    }
}

int64_t omc_operation_deadline(const struct omc_operations *operations)
{
    const struct omc_deadline *first = omc_deadlines_first(&operations->deadlines);

    if (operations->ended.first != NULL)
        return 0;
    return first == NULL ? OMC_CLOCK_NEVER : first->when;
}
