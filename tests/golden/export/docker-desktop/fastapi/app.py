"""Predictions of a registered model over HTTP.

    MLFLOW_TRACKING_URI   the tracking server
    MODEL_NAME            the registered model
    MODEL_ALIAS           its alias: champion unless set; where no version has it, the newest one is taken
    RELOAD_SECONDS        how often the alias is looked up again: 60 unless set, 0 for never

POST /predict takes {"instances": [[…], …]} or {"instances": [{"column": value, …}, …]}; POST /invocations
takes what `mlflow models serve` takes: dataframe_split, dataframe_records, instances, inputs.
"""

import logging
import os
import threading
from contextlib import asynccontextmanager
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from mlflow.exceptions import MlflowException
from pydantic import BaseModel

log = logging.getLogger("uvicorn.error")
NAME = os.environ["MODEL_NAME"]
ALIAS = os.environ.get("MODEL_ALIAS", "champion")
RELOAD_SECONDS = float(os.environ.get("RELOAD_SECONDS", "60"))


class Loaded:
    """The model in use. A newer version takes its place whole; a failure keeps the old one."""

    def __init__(self):
        self.model = None
        self.version = None
        self.why_not = "it is being loaded"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="model", daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop.set()

    def _watch(self):
        while True:
            try:
                self._refresh()
            except Exception as error:  # the registry or the store may be away for a while
                self.why_not = f"{type(error).__name__}: {error}"
                log.warning("The model %s cannot be loaded: %s", NAME, self.why_not)
            pause = RELOAD_SECONDS if self.model is not None else min(RELOAD_SECONDS or 5, 5)
            if self._stop.wait(pause if pause > 0 else None):
                return

    def _refresh(self):
        client = mlflow.MlflowClient()
        try:
            version = client.get_model_version_by_alias(NAME, ALIAS).version
        except MlflowException as error:
            # A registry that is away for a moment is no reason to change the model.
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            found = client.get_registered_model(NAME).latest_versions
            if not found:
                raise
            version = max(found, key=lambda each: int(each.version)).version
        if version == self.version:
            return
        model = mlflow.pyfunc.load_model(f"models:/{NAME}/{version}")
        self.model, self.version, self.why_not = model, version, None
        log.info("Version %s of %s answers", version, NAME)


loaded = Loaded()


@asynccontextmanager
async def lifespan(_: FastAPI):
    loaded.start()
    yield
    loaded.stop()


app = FastAPI(title=f"Predictions of {NAME}", lifespan=lifespan)


class Instances(BaseModel):
    instances: list[Any]


def current():
    if loaded.model is None:
        raise HTTPException(503, f"The model {NAME} is not there yet: {loaded.why_not}")
    return loaded.model, loaded.version


def table_of(body):
    """The model's input: a table where columns have names, an array where they have none."""
    if not isinstance(body, dict):
        raise ValueError("the body has to be a JSON object")
    forms = [name for name in ("dataframe_split", "dataframe_records", "instances", "inputs") if name in body]
    if len(forms) != 1:
        raise ValueError("the body needs one of dataframe_split, dataframe_records, instances, inputs")
    value = body[forms[0]]
    if forms[0] == "dataframe_split":
        return pd.DataFrame(**{k: v for k, v in value.items() if k in ("data", "columns", "index")})
    if forms[0] == "dataframe_records" or (isinstance(value, list) and value and isinstance(value[0], dict)):
        return pd.DataFrame(value)
    if isinstance(value, dict):
        return {name: np.asarray(each) for name, each in value.items()}
    return np.asarray(value)


def named(model, data):
    """Rows without names get those of the model's signature, in its order."""
    schema = model.metadata.get_input_schema()
    if schema is not None and schema.has_input_names() and isinstance(data, np.ndarray) and data.ndim == 2:
        names = schema.input_names()
        if len(names) == data.shape[1]:
            return pd.DataFrame(data, columns=names)
    return data


def answer(body):
    model, version = current()
    try:
        told = model.predict(named(model, table_of(body)))
    except (ValueError, TypeError, KeyError, MlflowException) as error:
        raise HTTPException(400, f"The model does not take this input: {error}") from error
    if isinstance(told, pd.DataFrame):
        told = told.to_dict(orient="records")
    elif hasattr(told, "tolist"):
        told = told.tolist()
    return {"predictions": told, "model": NAME, "version": version}


@app.get("/health")
def health():
    """The process answers."""
    return {"status": "ok"}


@app.get("/ready")
def ready():
    """A model is loaded."""
    _, version = current()
    return {"status": "ready", "model": NAME, "version": version}


@app.post("/predict")
def predict(body: Instances):
    return answer({"instances": body.instances})


@app.post("/invocations")
async def invocations(request: Request):
    try:
        body = await request.json()
    except ValueError as error:
        raise HTTPException(400, f"The body is no JSON: {error}") from error
    return await run_in_threadpool(answer, body)
