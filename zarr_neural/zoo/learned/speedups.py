"""Two loops of CompressAI replaced at run time by faster ones that do the same; streams and samples stay as they are.

`GaussianConditional.build_indexes` compares every scale with each of 63 thresholds in a Python loop: here it is one
`torch.bucketize`. The serial decoders of mbt2018 and cheng2020 hand the whole table of frequencies to the range
decoder at each of the latent positions: here they hand the rows that the position uses. Tests hold both equal to
CompressAI's own.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (what torch's users call it)
from torch import Tensor

from .library import GaussianConditional, RansDecoder, models


def speed_up(network: Any) -> Any:
    """Return the network with its slow loops replaced, in this object alone."""
    for module in network.modules():
        if isinstance(module, GaussianConditional):
            module.build_indexes = partial(bucketized_indexes, module)
    if isinstance(network, models.JointAutoregressiveHierarchicalPriors):
        network._decompress_ar = partial(decompress_serially, network)
    return network


def bucketized_indexes(conditional: Any, scales: Tensor) -> Tensor:
    """Return for each scale how many thresholds of the table lie below it: `GaussianConditional.build_indexes`."""
    return torch.bucketize(conditional.lower_bound_scale(scales), conditional.scale_table[:-1]).int()


def decompress_serially(
    network: Any, string: bytes, y_hat: Tensor, params: Tensor, height: int, width: int, kernel_size: int, padding: int
) -> None:
    """Decode one stream of latents into `y_hat`, position by position: CompressAI's ``_decompress_ar``.

    Parameters are those of CompressAI: `y_hat` is (1, M, height + 2 padding, width + 2 padding), zero before.
    """
    conditional = network.gaussian_conditional
    lengths, offsets = conditional.cdf_length.tolist(), conditional.offset.tolist()
    rows = [row[:length] for row, length in zip(conditional.quantized_cdf.tolist(), lengths, strict=True)]
    decoder = RansDecoder()
    decoder.set_stream(string)
    context = network.context_prediction
    for h in range(height):
        for w in range(width):
            around = y_hat[:, :, h : h + kernel_size, w : w + kernel_size]
            seen = F.conv2d(around, context.weight, bias=context.bias)
            both = torch.cat((params[:, :, h : h + 1, w : w + 1], seen), dim=1)
            scales, means = network.entropy_parameters(both).chunk(2, 1)
            indexes = conditional.build_indexes(scales).flatten().tolist()
            used = sorted(set(indexes))
            place = {index: number for number, index in enumerate(used)}
            symbols = decoder.decode_stream(
                [place[index] for index in indexes],
                [rows[index] for index in used],
                [lengths[index] for index in used],
                [offsets[index] for index in used],
            )
            found = conditional.dequantize(torch.Tensor(symbols).reshape(1, -1, 1, 1), means)
            y_hat[:, :, h + padding, w + padding] = found[:, :, 0, 0]
