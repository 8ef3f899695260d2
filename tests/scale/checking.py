"""Rows about checking: configurations as others would write them, and the options of all sections."""
import copy
import json
import os
import statistics
import subprocess
import sys

import others
from process import Ran, best, in_turn

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What a check has to look at in the row about options.
VALUES = 5000
JSONSCHEMA = """
import json, sys, jsonschema
config, schema = (json.load(open(path)) for path in sys.argv[1:3])
sys.exit(len(list(jsonschema.Draft7Validator(schema).iter_errors(config))) > 1000)
"""


def shapes(table, magudi, work):
    """Check and plan of 10,000 images in each shape, in turn with the plain one."""
    plan = [magudi, "plan", "--test", "--format", "json", "--config"]
    plain = plan + [others.config(work, "plain", 10_000)]
    whole = best(plain, 5)
    table.row("check + plan, 10,000 images as a generator writes them", "45 MB", f"{whole.wall:.3f} s, {whole.mb:.0f} MB", "-",
              whole.mb <= 45)
    for shape, (what, *_) in others.SHAPES.items():
        if shape == "plain":
            continue
        command = plan + [others.config(work, shape, 10_000)]
        pairs = [(Ran(plain), Ran(command)) for _ in range(21)]
        times = statistics.median(other.wall / base.wall for base, other in pairs)
        memory = statistics.median(other.mb / base.mb for base, other in pairs)
        goal = shape == "findings"
        fastest = min(other.wall for _, other in pairs)
        table.row(f"the same with {what}", "1.25x in time and memory" if goal else "-",
                  f"{fastest:.3f} s ({times:.2f}x), {pairs[0][1].mb:.0f} MB ({memory:.2f}x)", "the row above",
                  times <= 1.25 and memory <= 1.25 if goal else True)


def leaves(value):
    """How many values there are in a value that are not made of others."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values())) or 1
    if isinstance(value, list):
        return sum(map(leaves, value)) or 1
    return 1


def joined(one, other):
    """Two values of an option as one."""
    if isinstance(one, dict) and isinstance(other, dict):
        both = dict(one)
        for key, value in other.items():
            both[key] = joined(both[key], value) if key in both else value
        return both
    return one + other if isinstance(one, list) and isinstance(other, list) else other


def longer(value):
    """A value whose lists, wherever they are in it, are twice as long."""
    if isinstance(value, dict):
        return {key: longer(item) for key, item in value.items()}
    return 2 * copy.deepcopy(value) if isinstance(value, list) else value


def all_options(magudi, work):
    """The path of a configuration with the values that Pungi accepts, of all options that it has, and how many values those are."""
    with open(f"{ROOT}/fixtures/pungi/options.json") as text:
        corpus = json.load(text)
    config = dict(corpus["base"])
    for row in corpus["rows"]:
        if not row.get("errors") and "crash" not in row:
            option, value = row["option"], row["value"]
            config[option] = joined(config[option], value) if option in config else value
    config.update(corpus["base"])
    # Its sections would not be expanded.
    del config["skip_phases"]
    path = f"{work}/options.json"
    with open(f"{work}/variants.xml", "w") as out:
        out.write('<variants><variant id="Server" name="Server" type="variant"><arches><arch>x86_64</arch></arches></variant>'
                  "</variants>")

    def wrong():
        """The options with which `check` finds errors: values that are fine by themselves and not beside each other."""
        with open(path, "w") as out:
            json.dump(config, out, indent=1)
        found = subprocess.run([magudi, "check", "--allow-empty", "--format", "json", "--config", path], stdout=subprocess.PIPE, text=True)
        return {error["path"].split(".")[0].split("[")[0] for error in json.loads(found.stdout)["errors"]}

    while options := wrong() & config.keys() - corpus["base"].keys():
        for option in options:
            del config[option]
    while leaves(config) < VALUES:
        config = {option: longer(value) for option, value in config.items()}
    if wrong():
        sys.exit(f"{path} has errors")
    return path, leaves(config), len(config)


def options(table, magudi, work, python):
    what, goal = "check of {:,} values of {} options", "20x"
    path, values, number = all_options(magudi, work)
    if python is None:
        table.row(what.format(values, number), goal, "-", "jsonschema is not to be had", None)
        return
    schema = f"{ROOT}/docs/schemas/compose-config.schema.json"
    ratio, ours, theirs = in_turn([magudi, "check", "--allow-empty", "--quiet", "--config", path], [python, "-c", JSONSCHEMA, path, schema], 5)
    table.row(what.format(values, number), goal, f"{ours * 1000:.0f} ms",
              f"`jsonschema`, the same schema: {theirs:.2f} s ({ratio:.0f}x)", ratio >= 20)
