"""The engine `tcnn`: tiny-cuda-nn behind the contract that all engines share."""
