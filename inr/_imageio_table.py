"""The line in imageio's table of plug-ins that names ours; importing the plug-in itself is left to imageio."""


def register() -> None:
    """Let imageio know that `inr.imageio` reads .inr files."""
    from imageio.config import FileExtension, PluginConfig, known_extensions, known_plugins

    known_plugins["inr"] = PluginConfig("inr", "FieldPlugin", "inr.imageio", install_name="inr")
    known_extensions[".inr"] = [FileExtension(extension=".inr", priority=["inr"], name="Neural field")]
