from grokjax.guide.pages import page

__doc__ = page("concepts")
