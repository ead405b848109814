/*
 * Telling operations of their outcomes; see completion.h.
 */
#include "client/completion.h"

#include <string.h>

#include "base/memory.h"
#include "client/delivery.h"
#include "client/frame.h"
#include "client/handle.h"
#include "client/pins.h"
#include "client/server.h"
#include "proto/opcode.h"

/* Of the server to be named.  One that is not in the list any more has none. */
static int index_of(const struct omc_operation *operation)
{
    const struct omc_server *server;

    if (operation->asker.link == NULL)
        return -1;
    server = omc_server_of(operation->asker.link);
    if (server->dropped)
        return -1;
    return (int)(server->home == NULL ? server->index : server->home->index);
}

/* Its key is the one that was asked for, whether or not the server repeats it. */
static omcache_reply_t describe(const struct omc_operation *operation, int status)
{
    return (omcache_reply_t){
        .status = status,
        .server_index = index_of(operation),
        .key = operation->asker.key,
        .key_len = operation->asker.key_len,
    };
}

/* What the callback is looking at stays where it is meanwhile; it is in the inbox of that server
 * (NULL: of none).  The batch that a call collects is not that of the calls which the callback
 * makes. */
static void call(omcache_t *mc, const struct omc_operation *operation, struct omc_server *server,
                 const omcache_reply_t *reply)
{
    unsigned level = omc_inbox_level_of_callback(mc->shared.depth);
    bool collecting = mc->batch.collecting;
    struct omc_batch collected;

    if (collecting)
        omc_batch_push(&mc->batch, &collected);
    if (server != NULL)
        omc_inbox_pin(&server->link.conn.in, level);
    operation->func(mc, reply, operation->context);
    if (collecting) {
        omc_delivery_of_failures(mc);
        omc_batch_pop(&mc->batch, &collected);
    }
    omc_pins_remove(mc, level);
    if (server != NULL)
        omc_pins_take_back(&mc->fleet, server, level);
}

/* The same of an answer that is not the last.  A stream is told of no other one meanwhile. */
static void call_for_row(omcache_t *mc, const struct omc_operation *operation,
                         struct omc_server *server, const omcache_reply_t *reply)
{
    server->link.muted = server->home != NULL;
    call(mc, operation, server, reply);
    server->link.muted = false;
}

/* Counts an operation that has ended in its group, which may end with it. */
static void leave_group(omcache_t *mc, struct omc_operation *group, int status)
{
    if (group == NULL)
        return;
    if (group->status == OMCACHE_OK && status != OMCACHE_NOT_FOUND)
        group->status = status;
    if (--group->parts == 0)
        omc_operation_end(&mc->operations, group, group->status);
}

/* Whether another answer than that to a get has a value.  Of a row, its key is told, too; the last
 * one has none, whatever came. */
static bool take_row(omcache_reply_t *told, const struct omc_reply *reply)
{
    const omcache_value_t *value = &reply->value;
    bool is_row = value->key_len > 0 && !reply->last;

    if (reply->opcode != OMC_OP_STAT && reply->opcode != OMC_OP_DUMP)
        return reply->opcode == OMC_OP_VERSION || reply->opcode == OMC_OP_WATCH;
    told->key = is_row ? value->key : NULL;
    told->key_len = is_row ? value->key_len : 0;
    return is_row;
}

/* What of an answer the operation asked for. */
static void take_answer(omcache_reply_t *told, const struct omc_link *link,
                        const struct omc_reply *reply)
{
    const omcache_value_t *value = &reply->value;
    bool has_value = omc_opcode_is_get(reply->opcode) || take_row(told, reply);

    if (value->status == OMCACHE_FAIL || (value->status == OMCACHE_OK && has_value)) {
        told->value = value->data;
        told->value_len = value->data_len;
    }
    if (value->status != OMCACHE_OK)
        return;
    told->flags = value->flags;
    told->cas = value->cas;
    told->number = value->delta_value;
    if (!omc_opcode_is_meta(reply->opcode))
        return;
    told->details = reply->details;
    told->connection = link->connection;
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
    size_t flags_len = told->details.flags == NULL ? 0 : told->details.flags_len;
    struct omc_kept *kept =
        omc_memory_new(1, sizeof(*kept) + key_len + flags_len + told->value_len);

    if (kept == NULL)
        return false;
    kept->reply = *told;
    if (key_len > 0)
        kept->reply.key = memcpy(kept->bytes, told->key, key_len);
    if (flags_len > 0)
        kept->reply.details.flags = memcpy(kept->bytes + key_len, told->details.flags, flags_len);
    if (told->value != NULL)
        kept->reply.value = memcpy(kept->bytes + key_len + flags_len, told->value, told->value_len);
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
    omc_operation_end(&mc->operations, operation,
                      operation->starved ? OMCACHE_NO_MEMORY : told->status);
}

/* Gives an outcome to the call that waits for it; the last one ends the operation. */
static void give(omcache_t *mc, struct omc_operation *operation, const omcache_reply_t *told,
                 bool last)
{
    struct omc_awaited *awaited = operation->context;

    awaited->reply = *told;
    if (!last)
        return;
    awaited->operation = NULL;
    operation->frame->left--;
    omc_operation_free(&mc->operations, operation);
}

unsigned omc_completion_reply(omcache_t *mc, struct omc_operation *operation,
                              struct omc_server *server, const struct omc_reply *reply)
{
    omcache_reply_t told = describe(operation, reply->value.status);

    take_answer(&told, &server->link, reply);
    if (operation->frame != NULL) {
        unsigned depth = operation->frame->depth;

        give(mc, operation, &told, reply->last);
        return depth;
    }
    if (omc_operation_is_held(&mc->operations, operation) || operation->kept.first != NULL ||
        operation->starved) {
        keep(mc, operation, &told, reply->last);
        return 0;
    }
    if (!reply->last) {
        call_for_row(mc, operation, server, &told);
        return 0;
    }
    omc_operation_stop(&mc->operations, operation);
    leave_group(mc, operation->group, told.status);
    call(mc, operation, server, &told);
    omc_operation_release(&mc->operations, operation);
    return 0;
}

/* Tells of the answers that were kept, and frees them. */
static void tell_kept(omcache_t *mc, struct omc_operation *operation)
{
    struct omc_kept *kept;

    while ((kept = operation->kept.first) != NULL) {
        operation->kept.first = kept->next;
        kept->reply.server_index = index_of(operation);
        call(mc, operation, NULL, &kept->reply);
        omc_memory_free(kept);
    }
}

void omc_completion_tell(omcache_t *mc)
{
    struct omc_operations *operations = &mc->operations;

    /* What a callback adds is for the next time; and it may tell of some itself. */
    for (size_t left = operations->ended.count; left > 0 && operations->ended.first; left--) {
        struct omc_operation *operation = operations->ended.first;
        omcache_reply_t told;

        operations->ended.first = operation->next;
        operations->ended.count--;
        if (operation->frame != NULL) {
            told = describe(operation, operation->status);
            give(mc, operation, &told, true);
            continue;
        }
        leave_group(mc, operation->group, operation->status);
        tell_kept(mc, operation);
        told = describe(operation, operation->status);
        if (!operation->answered)
            call(mc, operation, NULL, &told);
        omc_operation_release(operations, operation);
    }
}
