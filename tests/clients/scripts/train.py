"""A first training script as courses show it; a scikit-learn model stands in for the PyTorch one."""

import mlflow
import mlflow.sklearn
import numpy as np
from sklearn.linear_model import SGDRegressor

mlflow.set_experiment("my-experiment")

x = np.arange(20, dtype=float).reshape(-1, 1) / 20
y = 3 * x.ravel() + 1
model = SGDRegressor(learning_rate="constant", eta0=0.001, random_state=0)

with mlflow.start_run():
    mlflow.log_param("lr", 0.001)
    for epoch in range(10):
        model.partial_fit(x, y)
        loss = float(np.mean((model.predict(x) - y) ** 2))
        mlflow.log_metric("loss", loss, step=epoch)
    mlflow.sklearn.log_model(model, "model")
    print("run_id:", mlflow.active_run().info.run_id)
