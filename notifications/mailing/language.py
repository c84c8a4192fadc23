"""What templates may say: values are filled in, `if` chooses, and nothing else can be done.

Templates are written by staff of a brand. They are drawn by Django's own engine with everything taken out of it that
reads files, loads code, loops or reaches the settings: no loader, no library, one tag, four filters.
"""

from django import template
from django.template.defaultfilters import default, linebreaks_filter, lower, upper
from django.template.defaulttags import do_if

register = template.Library()
register.tag("if", do_if)
register.filter("default", default)
register.filter("upper", upper)
register.filter("lower", lower)
register.filter("linebreaks", linebreaks_filter)
