from django.urls import path

from ledger import views

urlpatterns = [path(view.__name__, view) for view in views.ALL]
