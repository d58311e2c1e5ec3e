from django.urls import path

from shop import views

urlpatterns = [
    path("light", views.light),
    path("write", views.write),
    path("user", views.user),
    path("login", views.login),
    path("logout", views.logout),
    path("flush", views.flush),
]
