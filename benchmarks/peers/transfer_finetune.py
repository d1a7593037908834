"""The plain fine-tuning of PyTorch: all weights from the public ones, AdamW, cosine schedule, float32."""

import json
import time

import torch
from transfer_data import calibration_error, drawn, options
from transfer_plain import Photographs, network, outputs

given = options(epochs=8)
torch.manual_seed(given.seed)
begun = time.perf_counter()
train, test, classes = drawn(given.folder, given.count, given.seed)
net = network(len(classes))
loader = torch.utils.data.DataLoader(
    Photographs(train, train=True), batch_size=32, shuffle=True, num_workers=2, drop_last=len(train) > 32
)
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-4, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=given.epochs * len(loader))
for _ in range(given.epochs):
    net.train()
    for x, y in loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
        schedule.step()
logits, labels = outputs(net, test)
seconds = time.perf_counter() - begun
print(
    json.dumps(
        {
            "accuracy": float((logits.argmax(1) == labels).float().mean()),
            "ece": calibration_error(logits.softmax(1).numpy(), labels.numpy()),
            "seconds": seconds,
            "versions": f"torch {torch.__version__}",
        }
    )
)
