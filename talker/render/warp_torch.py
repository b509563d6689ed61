"""The warp in batches, with torch: on a GPU for many frames at a time, on the CPU the specification of the fast path.

Every step is the plain formula: the depth buffer is a maximum over all candidates, distances are exact, positions are
not rounded. What differs from `warp.py` stays below a level of 255 in the mean, which a test holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from talker.render.background import Background
from talker.render.head_warp import HeadWarp
from talker.render.sampling import OPAQUE, within_border
from talker.render.smooth_fill import EPSILON
from talker.render.source import MeshFrame, SourceFrame
from talker.render.warp import FADED, FlowGrid
from talker.types import ByteArray, FloatArray

EDGE = 1e-5  # a pixel that far outside a triangle still counts as inside


class TorchWarp:
    """Draws the region of one portrait on `device`, several frames at a time."""

    def __init__(
        self,
        source: SourceFrame,
        grid: FlowGrid,
        head: HeadWarp,
        background: Background | None,
        device: torch.device,
    ) -> None:
        region = source.region
        self._grid, self._head, self._background, self._device = grid, head, None, device
        self._size = region.height, region.width
        self._triangles = torch.from_numpy(grid.triangles).long().to(device)
        self._head_nodes, self._nodes, self._inner = (
            self._tensor(values) for values in (head.nodes, grid.nodes, grid.inner)
        )
        self._pixels = _pixels(*self._size, device)
        self._tint = torch.from_numpy(source.light.tint).to(device)
        if background is not None:
            self._background = StillBackground(background, device)

    @torch.inference_mode()
    def draw(self, frames: Sequence[MeshFrame]) -> list[ByteArray]:
        """The region [h,w,3] of each frame, still without eyes and mouth."""
        where, shading = self._flow(frames)
        source = self._tensor(np.stack([within_border(posed.source)[..., :3] for posed in frames]))
        warped = _sampled(source, where, "bicubic", "reflection").clamp(0.0, 255.0)  # [B,h,w,3]
        change = shading - 1.0  # [B,h,w,1]
        shown = (warped * (1.0 + torch.where(change < 0, change * self._tint, change))).clamp(0.0, 255.0)
        if self._background is not None:
            shown = self._background.keep(shown, where, self._pixels)
        return list((shown + 0.5).clamp(0.0, 255.0).byte().cpu().numpy())

    def _tensor(self, values: FloatArray | ByteArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device).float()

    def _flow(self, frames: Sequence[MeshFrame]) -> tuple[Tensor, Tensor]:
        """Where in the region each of its pixels comes from [B,h,w,2] px, and its shading factor [B,h,w,1]."""
        grid = self._grid
        width, height = grid.size
        points = self._tensor(np.stack([grid.points(posed) for posed in frames]))
        depth = self._tensor(np.stack([posed.camera[grid.vertices, 2] for posed in frames]))
        attributes = self._tensor(np.stack([grid.attributes(posed) for posed in frames]))
        values, covered = drawn(points, depth, attributes, self._triangles, *grid.padded)
        covered[:, height:], covered[:, :, width:] = False, False
        turn = self._turn(self._tensor(np.stack([posed.displacement for posed in frames])))  # [B,h,w,2]
        known = covered[..., None].float()
        beyond = (0, 1, 0, grid.padded[1] - width, 0, grid.padded[0] - height)
        values = filled(values - functional.pad(turn, beyond) * known, known)[:, :height, :width]
        covered, known = covered[:, :height, :width], known[:, :height, :width]
        distance = distances(covered, int(np.ceil(FADED * grid.reach)))
        fade = torch.exp(-((distance / grid.reach) ** 2)) * self._inner
        values = values * fade[..., None]
        shading = _blurred(values[..., 2:] * known, self._grid.shading_blur) + 1.0
        full = _resized(torch.cat([values[..., :2] + turn, shading], dim=-1), self._size)
        return full[..., :2] + self._pixels, full[..., 2:]

    def _turn(self, displacement: Tensor) -> Tensor:
        """[B,h,w,2] px: where the head's turn takes each pixel of the flow from, for its displacement [B,r,c,2] px."""
        forward = displacement / self._head.step
        backward = -forward
        for _ in range(self._head.inversion_steps):
            backward = -_sampled(forward, self._head_nodes + backward, "bilinear", "border")
        nodes = self._nodes.expand(len(backward), -1, -1, -1)
        return _sampled(backward * self._head.step, nodes, "bilinear", "border")


class StillBackground:
    """`Background.keep` in batches."""

    def __init__(self, background: Background, device: torch.device) -> None:
        self._settled, self._slack = background.settled, background.slack
        self._foreground = torch.from_numpy(background.foreground).to(device).float()[None]  # [1,h,w,4]
        self._plate = torch.from_numpy(background.plate).to(device).float()[None]
        self._certain = torch.from_numpy(background.certain).to(device).float()[None, ..., None] / 255.0
        self._opaque = torch.from_numpy(background.kind == OPAQUE).to(device)

    def keep(self, shown: Tensor, where: Tensor, pixels: Tensor) -> Tensor:
        """[B,h,w,3] the still background in `shown` [B,h,w,3], which shows the region at `where` [B,h,w,2] px."""
        plate, foreground = (part.expand(len(shown), -1, -1, -1) for part in (self._plate, self._foreground))
        offset = where - pixels
        moved = offset.abs().sum(dim=-1, keepdim=True)
        behind = _sampled(plate, pixels + (1.0 - self._certain) * offset, "bilinear", "border")
        found = _sampled(foreground, where, "bicubic", "border")
        through = found[..., 3:] / 255.0
        own = (1.0 - through) * shown
        low, high = -self._slack - found[..., :3], found[..., :3] - (255.0 * (1.0 - through) + self._slack)
        back, down = (own - found[..., :3]).clamp(min=1e-3), (found[..., :3] - own).clamp(min=1e-3)
        amiss = torch.maximum((low / back).clamp(0.0, 1.0), (high / down).clamp(0.0, 1.0)).amax(dim=-1, keepdim=True)
        amiss = amiss * (moved / self._settled).clamp(max=1.0) * self._certain
        kept = found[..., :3] + amiss * (own - found[..., :3]) + through * behind
        height, width = self._opaque.shape
        nearest = (where + 0.5).long()
        opaque = self._opaque[nearest[..., 1].clamp(0, height - 1), nearest[..., 0].clamp(0, width - 1)]
        stays = opaque[..., None] | (self._certain == 0) | (moved < 1e-3)
        return torch.where(stays, shown, kept)


def drawn(
    points: Tensor, depth: Tensor, attributes: Tensor, triangles: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """[B,h,w,C] `attributes` [B,V,C] of the nearest front face at each pixel, 0 elsewhere; [B,h,w] where there is one.

    points: [B,V,2] px, the centre of the first pixel at 0,0. depth: [B,V], larger is nearer. triangles: [F,3].
    """
    count, faces = len(points), len(triangles)
    corners = torch.cat([points, depth[..., None]], dim=-1).double()[:, triangles].reshape(-1, 3, 3)  # [B*F,3,3]
    area = _cross(corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2])
    first = corners[..., :2].amin(dim=1).ceil().clamp(min=0).long()  # [B*F,2] first pixel inside the bounding box
    last = corners[..., :2].amax(dim=1).floor().long()
    last = torch.minimum(last, torch.tensor([width - 1, height - 1], device=points.device))
    extent = torch.where((area < 0)[:, None], last - first, -1)  # y runs down: a front face has a negative area
    candidates = []
    for down in range(int(extent[:, 1].max()) + 1):
        for across in range(int(extent[:, 0].max()) + 1):
            index = torch.nonzero((extent[:, 0] >= across) & (extent[:, 1] >= down))[:, 0]
            pixel = first[index] + torch.tensor([across, down], device=points.device)
            weights = _barycentric(corners[index, :, :2], pixel.double())
            inside = (weights >= -EDGE).all(dim=1)
            index, pixel, weights = index[inside], pixel[inside], weights[inside]
            place = (index // faces * height + pixel[:, 1]) * width + pixel[:, 0]
            candidates.append((index, place, (weights * corners[index, :, 2]).sum(dim=1).float(), weights.float()))
    index, place, near, weights = (torch.cat(part) for part in zip(*candidates, strict=True))
    nearest = torch.full((count * height * width,), -torch.inf, device=points.device)
    nearest = nearest.scatter_reduce(0, place, near, "amax")
    wins = torch.nonzero(near == nearest[place])[:, 0].flip(0)  # of several as near, the first is written last
    shown = torch.zeros(count * height * width, attributes.shape[-1], device=points.device)
    at_corners = attributes[(index[wins] // faces)[:, None], triangles[index[wins] % faces]]  # [N,3,C]
    shown[place[wins]] = (weights[wins, :, None] * at_corners).sum(dim=1)
    return shown.reshape(count, height, width, -1), (nearest > -torch.inf).reshape(count, height, width)


def _barycentric(corners: Tensor, pixel: Tensor) -> Tensor:
    """[N,3] weights of the triangles' `corners` [N,3,2] at `pixel` [N,2]."""
    a, b, c = corners.unbind(dim=1)
    area = _cross(b - a, c - a)
    first, second = _cross(b - pixel, c - pixel) / area, _cross(c - pixel, a - pixel) / area
    return torch.stack([first, second, 1.0 - first - second], dim=1)


def _cross(one: Tensor, other: Tensor) -> Tensor:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


def distances(covered: Tensor, limit: int) -> Tensor:
    """[B,h,w] px from each pixel to the nearest of `covered` [B,h,w]: 0 inside, infinite from about `limit` px on."""
    height, width = covered.shape[1:]
    column = torch.arange(width, device=covered.device, dtype=torch.float32)
    left = torch.where(covered, column, -torch.inf).cummax(dim=-1).values
    right = torch.where(covered, -column, -torch.inf).flip(-1).cummax(dim=-1).values.flip(-1)
    in_row = torch.minimum(column - left, -right - column) ** 2
    nearest = in_row.clone()
    for step in range(1, min(limit, height - 1) + 1):
        torch.minimum(nearest[:, step:], in_row[:, :-step] + step**2, out=nearest[:, step:])
        torch.minimum(nearest[:, :-step], in_row[:, step:] + step**2, out=nearest[:, :-step])
    return nearest.sqrt()


def filled(values: Tensor, known: Tensor) -> Tensor:
    """[B,h,w,C] `smooth_fill` of `values` [B,h,w,C] where `known` [B,h,w,1]."""
    return _fill(torch.cat([values * known, known], dim=-1))


def _fill(sums: Tensor) -> Tensor:
    height, width = sums.shape[1:3]
    weight = sums[..., -1:]
    known = sums[..., :-1] / weight.clamp(min=EPSILON)
    if min(height, width) <= 2:
        mean = sums[..., :-1].sum(dim=(1, 2), keepdim=True) / weight.sum(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
        return torch.where(weight > EPSILON, known, mean)
    rows, columns = (_halving(side, sums.device) for side in (height, width))
    coarse = (rows @ sums.permute(0, 3, 1, 2) @ columns.T).permute(0, 2, 3, 1)
    coarse = coarse * (coarse[..., -1:] * 4.0).clamp(max=1.0) / coarse[..., -1:].clamp(min=EPSILON)
    pushed = _resized(_fill(coarse), (height, width))
    return pushed + (known - pushed) * weight.clamp(max=1.0)


def _halving(side: int, device: torch.device) -> Tensor:
    """[(side + 1) // 2, side] weights that average `side` pixels over half as many, by the area that they share."""
    half = (side + 1) // 2
    edges = torch.arange(half + 1, device=device) * side / half
    pixel = torch.arange(side, device=device)
    shared = torch.minimum(edges[1:, None], pixel + 1) - torch.maximum(edges[:-1, None], pixel)
    return shared.clamp(min=0.0) * half / side


def _blurred(values: Tensor, deviation: float) -> Tensor:
    """[B,h,w,1] `values` [B,h,w,1] blurred by `deviation` px."""
    reach = round(4 * deviation)
    kernel = torch.from_numpy(cv2.getGaussianKernel(2 * reach + 1, deviation)).to(values).reshape(1, 1, -1, 1)
    padded = functional.pad(values.permute(0, 3, 1, 2), (reach,) * 4, mode="reflect")
    return functional.conv2d(functional.conv2d(padded, kernel), kernel.transpose(2, 3)).permute(0, 2, 3, 1)


def _resized(values: Tensor, size: tuple[int, int]) -> Tensor:
    """[B,*size,C] `values` [B,h,w,C], linearly."""
    return functional.interpolate(values.permute(0, 3, 1, 2), size, mode="bilinear").permute(0, 2, 3, 1)


def _sampled(values: Tensor, where: Tensor, mode: str, padding: str) -> Tensor:
    """[B,h,w,C] `values` [B,H,W,C] at `where` [B,h,w,2] px."""
    height, width = values.shape[1:3]
    size = torch.tensor([max(width - 1, 1), max(height - 1, 1)], device=values.device)
    found = functional.grid_sample(
        values.permute(0, 3, 1, 2), where * 2.0 / size - 1.0, mode=mode, padding_mode=padding, align_corners=True
    )
    return found.permute(0, 2, 3, 1)


def _pixels(height: int, width: int, device: torch.device) -> Tensor:
    """[h,w,2] x and y of every pixel."""
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return torch.stack([x, y], dim=-1).float()
