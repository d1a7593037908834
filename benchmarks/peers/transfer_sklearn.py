"""scikit-learn's logistic regression, as it comes, on features from the plain float32 loop."""

import json
import time

import sklearn
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transfer_data import calibration_error, drawn, options
from transfer_plain import network, outputs

given = options()
begun = time.perf_counter()
train, test, classes = drawn(given.folder, given.count, given.seed)
net = network(len(classes))
net._fc = torch.nn.Identity()
(x, y), (other, labels) = outputs(net, train), outputs(net, test)
found = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x.numpy(), y.numpy())
probabilities = found.predict_proba(other.numpy())
seconds = time.perf_counter() - begun
print(
    json.dumps(
        {
            "accuracy": float((probabilities.argmax(1) == labels.numpy()).mean()),
            "ece": calibration_error(probabilities, labels.numpy()),
            "seconds": seconds,
            "versions": f"scikit-learn {sklearn.__version__}",
        }
    )
)
