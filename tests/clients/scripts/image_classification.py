"""A second training script as courses show it: everything comes from the environment."""

import os

import mlflow
import mlflow.pyfunc
import numpy as np

mlflow.set_tracking_uri(os.getenv("MLFLOW_TRACKING_URI", "http://localhost:5000"))
mlflow.set_experiment("image-classification")


class Classifier(mlflow.pyfunc.PythonModel):
    def __init__(self, weights):
        self.weights = weights

    def predict(self, context, model_input, params=None):
        return np.asarray(model_input) @ self.weights


class Adam:
    def __init__(self, lr):
        self.lr, self.m, self.v, self.t = lr, 0.0, 0.0, 0

    def step(self, gradient):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        m, v = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
        return self.lr * m / (np.sqrt(v) + 1e-8)


rng = np.random.default_rng(0)
images, weights = rng.normal(size=(64, 8)), np.zeros((8, 3))
labels = images @ rng.normal(size=(8, 3))
optimizer = Adam(lr=0.001)

with mlflow.start_run(run_name="resnet50-exp1"):
    mlflow.log_param("model_name", "resnet50")
    mlflow.log_param("learning_rate", 0.001)
    for epoch in range(3):
        error = images @ weights - labels
        weights = weights - optimizer.step(images.T @ error / len(images))
        mlflow.log_metric("train_loss", float(np.mean(error**2)), step=epoch)
    mlflow.pyfunc.log_model("model", python_model=Classifier(weights))
    print("run_id:", mlflow.active_run().info.run_id)
