from grokjax.config.reference import explain_settings

__doc__ = f"# Every setting\n\n{explain_settings()}"
