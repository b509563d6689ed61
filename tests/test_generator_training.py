"""Training the generator: its data, each loss by name, the adversaries, and going on where a run stopped."""

from __future__ import annotations

import dataclasses
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn
from torch.nn import functional

from talker.data.alignment import LARGEST, alignment, laid_over
from talker.data.generator_batches import ALONE, BACK, NEIGHBOUR, Batch, TripSet, augmented, importance
from talker.data.round_trips import SIDE as TRIP_SIDE
from talker.data.round_trips import RoundTrips, round_trips
from talker.errors import DataError, InputError
from talker.portrait.analyse import analyse
from talker.render.aligned import MAPS, STYLE
from talker.render.generator import Generator, GeneratorConfig, load_generator
from talker.training.generator import GeneratorTask, GeneratorTraining
from talker.training.generator_discriminators import (
    PARTS,
    DiscriminatorConfig,
    Discriminators,
    discriminator_loss,
    matching_loss,
    r1_penalty,
)
from talker.training.generator_losses import ReconstructionLosses, anchor, temporal_consistency
from talker.training.loop import Loop, Schedule, weighted_sum
from talker.training.perception import MESH_FILE, feature_distance, mesh_features
from talker.weights import store
from talker.workbench import train

SIDE = GeneratorConfig.tiny().size


def made_up(seed: int = 0, trips: int = 6) -> RoundTrips:
    """Trips of a face that never existed, whose ways back are darker than its photograph."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(100, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    pictures = np.broadcast_to(truth // 2, (trips, 3, SIDE, SIDE, 3)).copy()
    masks = rng.integers(0, 255, (trips, 3, SIDE, SIDE, 3), dtype=np.uint8)
    maps = (rng.uniform(0, 1, (trips, 3, SIDE // 4, SIDE // 4, MAPS)) * 0.1).astype(np.float16)
    styles = rng.uniform(0, 1, (trips, 3, STYLE)).astype(np.float32)
    return RoundTrips(truth, pictures[:, 0], pictures, masks, maps, styles, np.ones(trips), np.arange(trips) > 0)


@pytest.fixture(scope="module")
def trips() -> TripSet:
    return TripSet([made_up(), made_up(1)], torch.device("cpu"))


def task_of(trips: TripSet, **changes: object) -> GeneratorTask:
    settings = replace(GeneratorTraining.tiny(), **changes)  # type: ignore[arg-type]
    return GeneratorTask(GeneratorConfig.tiny(), settings, trips, trips)


@pytest.fixture(scope="module")
def real_trips() -> RoundTrips:
    return round_trips(analyse(skimage.data.astronaut()), np.random.default_rng(1), np.zeros((1, 52), np.float32), 2)


def test_the_way_back_leads_to_the_photograph(real_trips: RoundTrips) -> None:
    """What is drawn on the way back lies on the photograph, nearer than what it was drawn from."""
    truth = real_trips.truth.astype(float)
    for source, pictures, shift in zip(real_trips.sources, real_trips.pictures, real_trips.shifts, strict=True):
        there, back = (np.abs(picture - truth).mean() for picture in (source, pictures[0]))
        assert back < 0.8 * there
        assert shift < 6.0
    neighbours = np.abs(real_trips.pictures[:, 0].astype(float) - real_trips.pictures[:, 1]).mean(axis=(1, 2, 3))
    assert (neighbours > 0).all()
    assert (
        neighbours < np.abs(real_trips.pictures[:, 0] - real_trips.sources.astype(float)).mean(axis=(1, 2, 3))
    ).all()


def test_trips_are_stored_small_and_come_back(real_trips: RoundTrips, tmp_path: Path) -> None:
    path = tmp_path / "trips.npz"
    real_trips.save(path)
    loaded = RoundTrips.load(path)
    assert path.stat().st_size < 0.4e6 * len(real_trips.shifts)
    for field in dataclasses.fields(RoundTrips):
        one, other = getattr(real_trips, field.name), getattr(loaded, field.name)
        assert one.shape == other.shape
        assert np.abs(one.astype(float) - other).mean() < 2.0  # levels
    np.testing.assert_array_equal(real_trips.masks, loaded.masks)
    assert loaded.truth.shape == (TRIP_SIDE, TRIP_SIDE, 3)


def test_the_source_of_a_way_back_is_where_it_comes_from(trips: TripSet) -> None:
    rows = torch.tensor([0, 7])
    assert torch.equal(trips.take(rows, ALONE).source, trips.take(rows, BACK).photograph)
    assert float((trips.take(rows, BACK).source - trips.take(rows, BACK).truth).abs().mean()) > 0.1


def test_a_photograph_is_laid_over_what_was_drawn_of_it() -> None:
    """A face that is drawn narrower gets a narrower photograph, whose matter stays its own."""
    photograph = np.ascontiguousarray(cv2.resize(skimage.data.astronaut()[20:220, 130:330], (256, 256)))
    x, y = np.meshgrid(*[np.arange(256, dtype=np.float32)] * 2)
    narrower = cv2.remap(photograph, 128 + 1.03 * (x - 128), y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    drawn = cv2.GaussianBlur(narrower, (0, 0), 1.5)
    over = laid_over(photograph, drawn)
    middle = np.s_[40:216, 40:216]
    before, after = (np.abs(one[middle].astype(float) - narrower[middle]).mean() for one in (photograph, over))
    assert after < 0.5 * before
    contrast = [
        cv2.Laplacian(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), cv2.CV_64F).std() for one in (drawn, over, photograph)
    ]
    assert contrast[1] > 0.8 * contrast[2] > contrast[0]
    np.testing.assert_allclose(laid_over(photograph, photograph).astype(float), photograph, atol=2)
    assert np.linalg.norm(alignment(photograph, np.flipud(photograph)), axis=-1).max() <= LARGEST * 256 + 1e-3


def test_trips_are_reduced_as_a_whole(real_trips: RoundTrips) -> None:
    small = real_trips.at_side(128)
    assert small.truths.shape == small.sources.shape == (2, 128, 128, 3)
    assert small.maps.shape == (2, 3, 32, 32, MAPS)
    assert small.pictures.shape == small.masks.shape == (2, 3, 128, 128, 3)
    assert abs(float(small.pictures.mean()) - float(real_trips.pictures.mean())) < 1
    assert real_trips.at_side(TRIP_SIDE) is real_trips


def test_bad_fits_are_left_out_and_nothing_is_an_error() -> None:
    bad = replace(made_up(), shifts=np.array([1.0, 50, 50, 50, 50, 1.0]))
    assert len(TripSet([bad], torch.device("cpu"))) == 2
    with pytest.raises(DataError, match="prepare faces"):
        TripSet([replace(made_up(), shifts=np.full(6, 50.0))], torch.device("cpu"))


def test_open_mouths_are_chosen_as_often_as_asked() -> None:
    masks = np.zeros_like(made_up().masks)
    masks[0, BACK, 20:30, 20:30, 0] = 255  # of the first trip alone: a hundred pixels between the lips
    masks[1, BACK, 20:22, 20:22, 0] = 255
    masks[1, ALONE, :, :, 0] = masks[2, NEIGHBOUR, :, :, 0] = masks[3, BACK, :, :, 1] = 255
    trips = TripSet([replace(made_up(), masks=masks, photographed=np.zeros(6, bool))], torch.device("cpu"))
    rng = torch.Generator().manual_seed(0)
    assert {place: rows.tolist() for place, rows in trips.opened.items()} == {BACK: [0], ALONE: [1]}
    assert (trips.choose(400, 0.5, 1.0, rng) == 0).all()
    assert (trips.choose(400, 0.5, 1.0, rng, ALONE) == 1).all()
    usual, more = (float((trips.choose(4000, 0.5, share, rng) == 0).float().mean()) for share in (0.0, 0.6))
    assert usual == pytest.approx(1 / 6, abs=0.03)
    assert more == pytest.approx(0.6 + 0.4 / 6, abs=0.03)


def test_one_way_trips_lead_to_open_mouths_whatever_their_photograph_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = np.zeros_like(made_up().masks)
    masks[0, BACK, :, :, 0] = masks[1, ALONE, :, :, 0] = 255
    trips = TripSet([replace(made_up(), masks=masks, photographed=np.zeros(6, bool))], torch.device("cpu"))
    taken: dict[int, set[int]] = {}
    take = TripSet.take

    def noted(self: TripSet, rows: torch.Tensor, place: int) -> Batch:
        taken.setdefault(place, set()).update(rows.tolist())
        return take(self, rows, place)

    monkeypatch.setattr(TripSet, "take", noted)
    task_of(trips, photographed=0.0, opened=1.0).update(0, 1.0)
    assert taken == {BACK: {0}, NEIGHBOUR: {0}, ALONE: {1}}


def test_mirrored_faces_are_of_round_and_one_way_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.zeros_like(made_up().pictures)
    pictures[:, ALONE] = 255
    trips = TripSet([replace(made_up(), pictures=pictures)], torch.device("cpu"))
    seen: list[set[bool]] = []
    mirrored = Batch.mirrored

    def noted(self: Batch) -> Batch:
        seen.append({bool(one) for one in self.picture[:, :3].mean((1, 2, 3)) > 0.5})
        return mirrored(self)

    monkeypatch.setattr(Batch, "mirrored", noted)
    task_of(trips).update(0, 1.0)
    assert {False, True} in seen


def test_a_mirrored_mirror_is_the_batch(trips: TripSet) -> None:
    batch = trips.take(torch.tensor([0, 1]), BACK)
    for one, other in zip(batch.parts(), batch.mirrored().mirrored().parts(), strict=True):
        torch.testing.assert_close(one, other)


def test_what_belongs_together_is_changed_in_the_same_way(trips: TripSet) -> None:
    rows = torch.arange(8)
    one, other = augmented([trips.take(rows, BACK), trips.take(rows, BACK)], torch.Generator().manual_seed(0))
    for a, b in zip(one.parts(), other.parts(), strict=True):
        assert torch.equal(a, b)
    assert float((one.truth - trips.take(rows, BACK).truth).abs().mean()) > 0


def test_what_moves_with_the_face_is_steady(trips: TripSet) -> None:
    """Something added that lies three map cells further right in the neighbour, as its places do."""
    batch = trips.take(torch.tensor([0]), BACK)
    still = replace(batch, maps=torch.zeros_like(batch.maps))
    maps = torch.zeros_like(batch.maps)
    maps[:, 4] -= 12 / SIDE
    added = functional.avg_pool2d(torch.rand(1, 3, SIDE, SIDE), 5, 1, 2)
    carried = torch.roll(added, 12, dims=3)
    carried[..., :12] = added[..., :1]
    moved = replace(batch, maps=maps)
    assert float(temporal_consistency(added, still, carried, moved)) < 1e-6
    assert float(temporal_consistency(added, still, added, moved)) > 1e-3


def test_what_is_equal_costs_nothing(trips: TripSet) -> None:
    batch = trips.take(torch.tensor([0, 1]), BACK)
    losses, weight = ReconstructionLosses({"pixels": 1.0}), importance(batch)
    assert all(
        float(value) == pytest.approx(0, abs=1e-6) for value in losses(batch.truth, batch.truth, weight).values()
    )
    other = losses(batch.picture[:, :3], batch.truth, weight)
    assert all(float(other[name]) > 1e-4 for name in ("pixels", "edges", "texture"))
    assert float(anchor(batch.truth, batch.truth)) == 0


def test_a_misspelt_loss_is_an_error() -> None:
    with pytest.raises(InputError, match="pixel"):
        ReconstructionLosses({"pixel": 1.0})
    with pytest.raises(KeyError):
        weighted_sum({"pixels": torch.zeros(())}, {"edges": 1.0})


def test_sizes_go_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="small, base"):
        train("generator", tmp_path, tmp_path / "out", size="huge")
    with pytest.raises(DataError, match="neither faces"):
        train("generator", tmp_path, tmp_path / "out", size="base")


def test_a_network_read_from_its_file_says_what_the_interpreter_says() -> None:
    with zipfile.ZipFile(store.fetch("face_landmarker")) as task:
        model = task.read(MESH_FILE)
    picture = np.random.default_rng(0).uniform(0, 1, (1, 256, 256, 3)).astype(np.float32)
    interpreter = Interpreter(model_content=model, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    network = mesh_features()
    found = network(torch.from_numpy(picture).permute(0, 3, 1, 2))
    assert [tuple(one.shape[1:]) for one in found] == [(16, 128, 128), (32, 64, 64), (64, 32, 32)]
    for number, one in zip(network.wanted, found, strict=True):
        np.testing.assert_allclose(one.permute(0, 2, 3, 1).numpy(), interpreter.get_tensor(number), atol=1e-4)


def test_features_of_the_same_are_the_same_and_grow_apart_with_blur() -> None:
    network, picture, weight = mesh_features(), torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    pictures = (picture, functional.avg_pool2d(picture, 3, 1, 1), torch.full_like(picture, 0.5))
    seen = [network(one) for one in pictures]
    same, blurred, grey = (float(feature_distance(seen[0], other, weight)) for other in seen)
    assert same == 0
    assert 0 < blurred < grey


def test_adversaries_see_colours_of_their_part_alone() -> None:
    torch.manual_seed(0)
    networks, picture = Discriminators(DiscriminatorConfig.tiny()), torch.rand(2, 3, 128, 128)
    changed = picture.clone()
    changed[..., :40, :] = 0.0  # the eyes
    verdicts, others = (dict(zip(PARTS, networks(one), strict=True)) for one in (picture, changed))
    assert torch.equal(verdicts["mouth"][-1], others["mouth"][-1])
    assert not torch.equal(verdicts["eyes"][-1], others["eyes"][-1])
    assert float(matching_loss(networks(picture), networks(picture))) == 0
    assert float(discriminator_loss(networks(picture), networks(picture))) == pytest.approx(2, abs=0.05)
    assert float(r1_penalty(networks, picture)) > 0


@pytest.mark.slow
def test_adversaries_learn_to_tell_dark_from_bright(trips: TripSet) -> None:
    task = task_of(trips, losses={"pixels": 1e-6, "adversarial": 1e-6}, adversary_rate=3e-3, rate=0.0)
    verdicts = [float(task.update(step, 1.0)["verdict"].detach()) for step in range(25)]
    assert np.mean(verdicts[-5:]) < 0.5 * verdicts[0]


def test_one_step_with_every_loss_reaches_every_network(trips: TripSet) -> None:
    everything = GeneratorTraining().losses

    class Stub(nn.Module):
        def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
            return [functional.avg_pool2d(pictures, 4)]

    settings = replace(GeneratorTraining.tiny(), losses=everything)
    task = GeneratorTask(GeneratorConfig.tiny(), settings, trips, trips, Stub())
    for step in range(3):  # the heads start at zero, and what lies before them learns from the second step on
        terms = task.update(step, 1.0)
    assert set(terms) == {*everything, "verdict"}
    assert all(np.isfinite(float(value.detach())) for value in terms.values())
    for network in task.networks.values():
        assert all(weight.grad is not None for weight in network.parameters())


def test_training_brings_the_frame_nearer_to_the_truth(trips: TripSet) -> None:
    task = task_of(trips, losses={"pixels": 1.0}, rate=5e-3)
    losses = [float(task.update(step, 0.0)["pixels"].detach()) for step in range(40)]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_a_run_is_kept_and_goes_on_as_if_it_had_never_stopped(trips: TripSet, tmp_path: Path) -> None:
    whole, parts = (Loop(task_of(trips), Schedule(steps=4), tmp_path / name) for name in ("whole", "parts"))
    whole.run()
    first = Loop(task_of(trips), Schedule(steps=4), tmp_path / "parts")
    for _ in range(2):
        first.advance()
    first.keep()
    again = Loop(task_of(trips), Schedule(steps=4), tmp_path / "parts")
    assert again.step == 2
    again.run()
    for key, value in whole.average.state_dict().items():
        torch.testing.assert_close(again.average.state_dict()[key], value)
    loaded = load_generator(tmp_path / "parts")
    assert isinstance(loaded, Generator)
    assert parts.step == 0
    assert len((tmp_path / "whole-training" / "log.jsonl").read_text().splitlines()) == 1  # the check


def test_rates_rise_and_fall() -> None:
    schedule = Schedule(steps=100, warm_up=10, least_rate=0.1)
    rates = [schedule.rate(step, step / 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.1, abs=0.01)
    assert max(rates) == pytest.approx(1.0, abs=0.05)
    assert rates[100] == pytest.approx(0.1, abs=0.01)
