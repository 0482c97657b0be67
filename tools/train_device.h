/* train_device.h - a block that is trained on a device: its buffers, and the library's calls on them.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TRAIN_DEVICE_H
#define CLGLU_TOOLS_TRAIN_DEVICE_H

#include "train_block.h"

struct train_device;

/* As their namesakes of train_block.h; a zeroed pointer may be closed. `desc` stays where it is. */
int train_device_open(struct train_device **device, clglu_context *context, const clglu_ffn_desc *desc);
void train_device_close(struct train_device *device);
int train_device_forward(struct train_device *device, size_t rows, const float *x, float *y);
int train_device_backward(struct train_device *device, size_t rows, const float *dy, float *dx,
                          struct train_weights gradients);
/* By one or the other, as the block is gated or plain. */
int train_device_hidden(struct train_device *device, const clglu_gate_desc *gate, const clglu_act_desc *act,
                        float *h);
int train_device_update(struct train_device *device);

#endif
