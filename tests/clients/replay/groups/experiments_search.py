"""experiments/search: filters, orders, pages, views."""

from steps import DROPPED, KINDER, SENTENCE, SLOW, Ours, each, each_filter, each_order, get, post

SEARCH = "experiments/search"


def made(name, *tags):
    body = {"name": name, "tags": [{"key": key, "value": value} for key, value in tags]}
    return post(f"make {name}", "experiments/create", body, save={name.replace("-", "_"): "experiment_id"})


STEPS = [
    made("alpha", ("team", "blue"), ("mlflow.x.y", "dotted")),
    made("beta", ("team", "red"), ("my tag", "spaced")),
    made("Alpha-two", ("team", "Blue")),
    made("gamma_1"),
    made("it's"),
    made("gone", ("team", "blue")),
    post("delete one", "experiments/delete", {"experiment_id": "{gone}"}),
    post("everything", SEARCH, {"max_results": 100}),
    get("everything by GET", SEARCH, {"max_results": 100}),
    post("no max_results", SEARCH),
    *each(post, SEARCH, "max_results", [0, -1, 1, 50000, 50001, "7", "x", 1.5, None]),
    *each(post, SEARCH, "view_type", ["ACTIVE_ONLY", "DELETED_ONLY", "ALL", "BOGUS", 1, 2, 3, 4, "2"], max_results=9),
    *each(get, SEARCH, "view_type", ["DELETED_ONLY", "all", "2"], max_results=9),
    *each(post, SEARCH, "page_token", ["", "nonsense", "eyJvZmZzZXQiOiAyfQ==", "eyJvZmZzZXQiOiAtMX0=", "e30=", 5], max_results=9),
    post("a first page", SEARCH, {"max_results": 2}, save={"token": "next_page_token"}),
    post("its second page", SEARCH, {"max_results": 2, "page_token": "{token}"}, save={"token2": "next_page_token"}),
    post("its third page", SEARCH, {"max_results": 2, "page_token": "{token2}"}),
    *each_filter(
        post,
        SEARCH,
        [
            "name = 'alpha'", "name = \"alpha\"", "name='alpha'", "name != 'alpha'", "name LIKE 'al%'",
            "name like 'al%'", "name ILIKE 'AL%'", "name ILIKE '%A'", "name LIKE '%\\_1'", "name LIKE 'gamma_1'",
            "attribute.name = 'alpha'", "attributes.name = 'alpha'", "attr.name = 'alpha'", "run.name = 'alpha'",
            "`name` = 'alpha'", "\"name\" = 'alpha'", "name IN ('alpha')", "name IN ('alpha', 'beta')",
            "experiment_id = '1'", "experiment_id IN ('1', '2')", "experiment_id IN ('1')",
            "experiment_id NOT IN ('1', '2')", "experiment_id IN (1, 2)", "experiment_id = 1",
            "experiment_id IN ()", "experiment_id LIKE '1'",
            "tags.team = 'blue'", "tag.team = 'blue'", "tags.team != 'blue'", "tags.team LIKE 'b%'",
            "tags.team ILIKE 'B%'", "tags.`my tag` = 'spaced'", "tags.\"my tag\" = 'spaced'",
            "tags.mlflow.x.y = 'dotted'", "tags.team IS NULL", "tags.team IS NOT NULL", "tags.team is not null",
            "tags.team IN ('blue')", "tags.team = blue", "tags.team = 5", "tags.team > 'a'",
            "name > 'a'", "name = alpha", "name = 5", "name IS NULL", "creation_time > 0", "creation_time >= 0",
            "creation_time < 5", "creation_time <= 5", "creation_time != 5", "creation_time = '5'",
            "creation_time LIKE '5'", "last_update_time > 1.5", "last_update_time > -5", "creation_time > 1e3",
            "name = 'alpha' AND tags.team = 'blue'", "name = 'alpha' and tags.team = 'blue'",
            "name = 'alpha' OR name = 'beta'", "(name = 'alpha')", "NOT name = 'alpha'", "name = 'alpha' AND",
            "AND name = 'alpha'", "name", "name =", "= 'alpha'", "'alpha' = name", "5 = 5", "name == 'alpha'",
            "name = 'alpha' tags.team = 'blue'", "name = 'alpha', tags.team = 'blue'", "bogus = 'a'",
            "bogus.name = 'a'", "metrics.a > 1", "params.a = '1'", "name = 'it''s'", "name = \"it's\"",
            "name = 'it\\'s'", "name = 'alpha", "name = alpha'", " ", "  name   =   'alpha'  ",
            "name\n=\t'alpha'", "name = 'alpha';", "name = 'alpha'; DROP TABLE runs", "name = 'alpha' -- comment",
            "name = 'alpha' /* c */", "name LIKE '%' AND name LIKE '%a' AND name LIKE 'a%'",
            "name NOT LIKE 'a%'", "name NOT IN ('alpha')", "name = ''", "name = 'ALPHA'", "name RLIKE 'a'",
            "name BETWEEN 'a' AND 'b'", "lower(name) = 'alpha'", "name = NULL", "name = true", "name LIKE 5",
            "tags.= 'a'", "tags. = 'a'", ".name = 'a'", "tags = 'a'", "tags.a.b.c = 'x'", "name = 'a' 'b'",
            "name <> 'alpha'", "name = 'alpha' && name = 'b'", "creation_time > 99999999999999999999999",
        ],
        max_results=9,
    ),
    *each_order(
        post,
        SEARCH,
        [
            ["name"], ["name ASC"], ["name DESC"], ["name desc"], ["NAME DESC"], ["experiment_id"],
            ["experiment_id DESC"], ["creation_time"], ["creation_time DESC", "name ASC"],
            ["last_update_time ASC"], ["attribute.name DESC"], ["attributes.name"], ["`name` DESC"],
            ["tags.team"], ["metrics.a"], ["bogus"], ["name SIDEWAYS"], ["name ASC DESC"], ["name,experiment_id"],
            [""], [" "], ["name", "name"], ["name ASC;"], ["'name' DESC"], "name", [5],
        ],
        max_results=9,
    ),
]

# What this server answers otherwise, and why.
OURS = {
    "search: max_results = 1.5": Ours(SENTENCE, message="Invalid value 1.5 for parameter 'max_results' supplied:  Hint: Value w"),
    "search: view_type = 4": Ours(DROPPED, message="Invalid value 4 for parameter 'view_type' supplied:  Hint: Value was o"),
    "search: page_token = 'eyJvZmZzZXQiOiAtMX0='": Ours("an offset below 0 is no place to go on", message="is below 0"),
    "name like 'al%'": Ours(KINDER, 200, same_as="name LIKE 'al%'"),
    "name = 'alpha', tags.team = 'blue'": Ours(SENTENCE, message="Invalid clause(s) in filter string: ,"),
    "name = 'alpha": Ours(SENTENCE, message="Invalid clause(s) in filter string: ''alpha' has no closing '"),
    "name = alpha'": Ours(SENTENCE, message="Invalid clause(s) in filter string: ''' has no closing '"),
    "lower(name) = 'alpha'": Ours(SENTENCE, message="Invalid clause(s) in filter string: lower, (name), =, 'alpha'"),
    "name = NULL": Ours(SENTENCE, message="Parameter value is either not quoted or unidentified quote types used "),
    "name = true": Ours(SENTENCE, message="Parameter value is either not quoted or unidentified quote types used "),
    ".name = 'a'": Ours(SENTENCE, message="Invalid clause(s) in filter string: .name, =, 'a'"),
    "name = 'alpha' && name = 'b'": Ours(SENTENCE, message="Invalid clause(s) in filter string: &&"),
    "creation_time > 99999999999999999999999": Ours(SLOW, message="Invalid value for numeric attribute 'creation_time': '1e+23'"),
    "order by [5]": Ours(DROPPED, message="Invalid value [5] for parameter 'order_by' supplied:  Hint: Value was "),
}
