"""Label schemas of an experiment."""

from steps import delete, each, get, patch, post

V3 = "/api/3.0/mlflow/label-schemas"
PASS_FAIL = {"pass_fail": {"positive_label": "Yes", "negative_label": "No"}}


def create(name, save=None, /, **fields):
    return post(name, V3 + "/create", fields, save={save: "label_schema.schema_id"} if save else {})


STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    create("a schema", "one", experiment_id="{e}", name="quality", type="FEEDBACK", input=PASS_FAIL, instruction="Look.", enable_comment=True),
    create("of options", "two", experiment_id="{e}", name="choice", type="FEEDBACK", input={"categorical": {"options": ["a", "b"], "multi_select": True}}),
    create("of numbers", "three", experiment_id="{e}", name="number", type="EXPECTATION", input={"numeric": {"min_value": 0, "max_value": 5}}),
    create("of text", "four", experiment_id="{e}", name="text", type="EXPECTATION", input={"text": {"max_length": 100}}),
    create("of a taken name", experiment_id="{e}", name="quality", type="FEEDBACK", input=PASS_FAIL),
    create("without input", experiment_id="{e}", name="noinput", type="FEEDBACK"),
    create("without type", experiment_id="{e}", name="notype", input=PASS_FAIL),
    create("without name", experiment_id="{e}", type="FEEDBACK", input=PASS_FAIL),
    create("of an unknown type", experiment_id="{e}", name="bad", type="BOGUS", input=PASS_FAIL),
    create("without options", experiment_id="{e}", name="nooptions", type="FEEDBACK", input={"categorical": {"options": []}}),
    create("with limits the wrong way", experiment_id="{e}", name="limits", type="FEEDBACK", input={"numeric": {"min_value": 5, "max_value": 0}}),
    create("of nobody", experiment_id="99", name="x", type="FEEDBACK", input=PASS_FAIL),
    create("nothing"),
    get("one", V3 + "/get", {"schema_id": "{one}"}),
    get("an unknown one", V3 + "/get", {"schema_id": "nobody"}),
    get("nothing to get", V3 + "/get"),
    get("by name", V3 + "/get-by-name", {"experiment_id": "{e}", "name": "choice"}),
    get("by an unknown name", V3 + "/get-by-name", {"experiment_id": "{e}", "name": "nobody"}),
    get("by no name", V3 + "/get-by-name", {"experiment_id": "{e}"}),
    get("list", V3 + "/list", {"experiment_id": "{e}"}),
    get("list nobody", V3 + "/list", {"experiment_id": "99"}),
    get("list nothing", V3 + "/list"),
    *each(get, V3 + "/list", "max_results", [1, 0, "x"], experiment_id="{e}"),
    patch("rename", V3 + "/update", {"schema_id": "{two}", "name": "choices", "instruction": "Choose."}),
    patch("rename to a taken name", V3 + "/update", {"schema_id": "{two}", "name": "quality"}),
    patch("another input", V3 + "/update", {"schema_id": "{two}", "input": PASS_FAIL}),
    patch("change nothing", V3 + "/update", {"schema_id": "{two}"}),
    patch("change an unknown one", V3 + "/update", {"schema_id": "nobody", "name": "x"}),
    delete("delete", V3 + "/delete", {"schema_id": "{one}"}),
    delete("delete again", V3 + "/delete", {"schema_id": "{one}"}),
    delete("delete nothing", V3 + "/delete"),
]
