"""Evaluation datasets and their records."""

import json

from steps import SENTENCE, SLOW, Ours, delete, each, get, patch, post

V3 = "/api/3.0/mlflow/datasets"


def create(name, save=None, /, **fields):
    return post(name, V3 + "/create", fields, save={save: "dataset.dataset_id"} if save else {})


def upsert(name, records, dataset="{one}", **rest):
    text = records if isinstance(records, str) else json.dumps(records)
    return post(name, f"{V3}/{dataset}/records", {"records": text, **rest})


STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    create("a dataset", "one", name="first", experiment_ids=["{e}"], tags=json.dumps({"team": "blue"}), created_by="me"),
    create("another", "two", name="second", experiment_ids=["{e}", "0"]),
    create("without experiments", "three", name="third"),
    create("of a taken name", name="first"),
    create("of nobody", name="nobody", experiment_ids=["99"]),
    create("without name"),
    create("with an empty name", name=""),
    create("with bad tags", name="tags", tags="no json"),
    get("the first", V3 + "/{one}"),
    get("an unknown one", V3 + "/d-nobody"),
    # One at a time: records of one time have no promised order.
    upsert("a record", [{"inputs": {"q": "a"}, "expectations": {"answer": 1}, "tags": {"t": "1"}}]),
    upsert("another record", [{"inputs": {"q": "b"}, "outputs": "x"}]),
    upsert("records again", [{"inputs": {"q": "a"}, "expectations": {"more": 2}}], updated_by="you"),
    upsert("no records", []),
    upsert("bad records", "no json"),
    upsert("records without inputs", [{"expectations": {"a": 1}}]),
    upsert("records for an unknown one", [{"inputs": {"q": "a"}}], "d-nobody"),
    get("the records", V3 + "/{one}/records"),
    get("a page of records", V3 + "/{one}/records", {"max_results": 1}, save={"token": "next_page_token"}),
    get("the next page of records", V3 + "/{one}/records", {"max_results": 1, "page_token": "{token}"}),
    get("records of an unknown one", V3 + "/d-nobody/records"),
    get("the dataset with records", V3 + "/{one}"),
    patch("tags", V3 + "/{one}/tags", {"tags": json.dumps({"team": "red", "x": "y"})}),
    patch("bad tags", V3 + "/{one}/tags", {"tags": "no json"}),
    patch("no tags", V3 + "/{one}/tags"),
    patch("tags of an unknown one", V3 + "/d-nobody/tags", {"tags": "{}"}),
    delete("untag", V3 + "/{one}/tags/x"),
    delete("untag again", V3 + "/{one}/tags/x"),
    delete("untag an unknown one", V3 + "/d-nobody/tags/x"),
    get("its experiments", V3 + "/{two}/experiment-ids"),
    get("experiments of an unknown one", V3 + "/d-nobody/experiment-ids"),
    post("add experiments", V3 + "/{three}/add-experiments", {"experiment_ids": ["{e}"]}),
    post("add them again", V3 + "/{three}/add-experiments", {"experiment_ids": ["{e}"]}),
    post("add nobody", V3 + "/{three}/add-experiments", {"experiment_ids": ["99"]}),
    post("add to an unknown one", V3 + "/d-nobody/add-experiments", {"experiment_ids": ["{e}"]}),
    post("remove experiments", V3 + "/{three}/remove-experiments", {"experiment_ids": ["{e}"]}),
    post("remove them again", V3 + "/{three}/remove-experiments", {"experiment_ids": ["{e}"]}),
    post("search", V3 + "/search", {"experiment_ids": ["{e}"], "order_by": ["name"]}),
    get("search by GET", V3 + "/search", {"experiment_ids": ["{e}"], "order_by": ["name"]}),
    *each(post, V3 + "/search", "filter_string", ["name = 'first'", "name LIKE 'f%'", "name ILIKE 'F%'", "name IN ('first')", "name != 'first'", "tags.team = 'red'", "tags.team != 'red'", "created_by = 'me'", "created_time > 5", "last_update_time > 5", "bogus = 'x'", "name > 'a'", "name = first", "name = 'a' OR name = 'b'"], experiment_ids=["{e}"], order_by=["name"]),
    *each(post, V3 + "/search", "order_by", [["name DESC"], ["created_time ASC", "name"], ["bogus"], ["name SIDEWAYS"]], experiment_ids=["{e}"]),
    *each(post, V3 + "/search", "max_results", [1, 0, -1, 1000, 50001], experiment_ids=["{e}"], order_by=["name"]),
    delete("delete records", V3 + "/{one}/records", {"dataset_record_ids": ["dr-nobody"]}),
    delete("delete", V3 + "/{two}"),
    delete("delete again", V3 + "/{two}"),
    get("the deleted one", V3 + "/{two}"),
]

# What this server answers otherwise, and why.
OURS = {
    "with bad tags": Ours(SLOW, message="Invalid value for parameter 'tags': it must be a JSON object in a stri"),
    "bad records": Ours(SLOW, message="Invalid value for parameter 'records': it must be a JSON list of objec"),
    "bad tags": Ours(SLOW, message="Invalid value for parameter 'tags': it must be a JSON object in a stri"),
    "search: filter_string = 'name = first'": Ours(SENTENCE, message="Parameter value is either not quoted or unidentified quote types used "),
    "search: max_results = 0": Ours(SENTENCE, message="Invalid value 0 for parameter 'max_results' supplied. It must be a pos"),
}
